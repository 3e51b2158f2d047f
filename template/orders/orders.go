// Package orders implements the Orders service.
package orders

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	ordersv1 "github.com/lambda-grpc/lambda-grpc-gateway/template/gen/orders/v1"
)

// A Service keeps orders in memory. Replace the memory with a database, since each execution environment of a function has
// its own memory.
type Service struct {
	ordersv1.UnimplementedOrdersServer

	mu      sync.Mutex
	orders  map[string]*ordersv1.Order
	changed chan struct{} // closed and replaced at each change
}

// New returns a Service with one order, whose id is 1.
func New() *Service {
	return &Service{
		orders:  map[string]*ordersv1.Order{"1": {Id: "1", Item: "tea", Quantity: 2}},
		changed: make(chan struct{}),
	}
}

func (s *Service) GetOrder(_ context.Context, r *ordersv1.GetOrderRequest) (*ordersv1.Order, error) {
	order, _, err := s.get(r.GetId())
	return order, err
}

func (s *Service) UpdateOrder(_ context.Context, r *ordersv1.UpdateOrderRequest) (*ordersv1.Order, error) {
	mask, err := fieldmaskpb.New(r.GetOrder(), r.GetUpdateMask().GetPaths()...)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "update_mask: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	order := s.orders[r.GetOrder().GetId()]
	if order == nil {
		return nil, notFound(r.GetOrder().GetId())
	}
	order = proto.CloneOf(order) // a response may still use the old one
	from, to := r.GetOrder().ProtoReflect(), order.ProtoReflect()
	for _, name := range mask.GetPaths() {
		if field := to.Descriptor().Fields().ByName(protoreflect.Name(name)); field.Name() != "id" {
			to.Set(field, from.Get(field))
		}
	}
	s.orders[order.GetId()] = order
	close(s.changed)
	s.changed = make(chan struct{})
	return order, nil
}

func (s *Service) WatchOrder(r *ordersv1.WatchOrderRequest, stream grpc.ServerStreamingServer[ordersv1.Order]) error {
	for {
		order, changed, err := s.get(r.GetId())
		if err == nil {
			err = stream.Send(order)
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}

// get returns an order, and a channel that is closed when any order changes.
func (s *Service) get(id string) (*ordersv1.Order, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if order := s.orders[id]; order != nil {
		return order, s.changed, nil
	}
	return nil, nil, notFound(id)
}

func notFound(id string) error { return status.Errorf(codes.NotFound, "there is no order %q", id) }
